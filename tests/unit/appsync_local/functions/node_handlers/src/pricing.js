exports.subtotal = (items) => items.reduce((sum, it) => sum + it, 0);
