"""Resolver code in JavaScript: checked as AppSync checks it, and run in an embedded JavaScript engine.

syntax, scopes, names, language   what AppSync refuses in a code file, found before it runs
library                           the names that AppSync gives to code
modules                           an ES module as a plain script
script                            one code file, checked and loaded
sandbox                           runs handlers with limits of time, memory and stack; templates in VTL use it too
context                           `ctx`
zones                             offsets of time zones

The `.js` files are the runtime: `prelude.js` is loaded into every sandbox, and the others when code first uses them.
"""
