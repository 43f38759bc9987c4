const { subtotal } = require("../pricing");

exports.handler = async (event) => subtotal(event);
