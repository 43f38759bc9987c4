"""Resolver templates in Velocity (VTL): parsed, compiled to JavaScript, and run in the engine's JavaScript sandbox.

scanner, parser, expression_parser   from text to a syntax tree (`syntax`)
compiler, expression_compiler        from the tree to JavaScript
written_keys                         whether the JSON that a template writes may repeat a key
templates                            the templates of one resolver, loaded into a sandbox

The `.js` files are what compiled templates call at run time: `values`, `methods` (of Java), `utilities`, `json`.
"""
