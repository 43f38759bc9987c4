"""Tools for developers: API explorer, doctor, operation log, reload, chaos, meter, health of background loops."""
