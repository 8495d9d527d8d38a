"""What the shim remembers, as reports and notes on errors."""
