"""Tools for developers: doctor, operation log, reload, chaos, meter, health of background loops."""
