//! Settings from config.yaml and the environment.
