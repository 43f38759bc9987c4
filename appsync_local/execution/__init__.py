"""Running a plan: fields are resolved, values completed, errors collected."""
