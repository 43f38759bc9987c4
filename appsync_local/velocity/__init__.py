"""Resolver templates in Velocity (VTL): parsed, compiled to JavaScript, and run in the engine's JavaScript sandbox."""
