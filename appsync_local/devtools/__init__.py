"""What a developer gets beside the API: explorer, doctor, operation log, reload, chaos, meter."""
