"""The names that `import multilevel as ml` gives."""
