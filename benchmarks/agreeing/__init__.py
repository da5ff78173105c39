"""Who agrees with whom: one program and its inputs on every other simulator, value by value."""
