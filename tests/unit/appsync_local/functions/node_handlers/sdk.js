require("@aws-sdk/client-sns"); exports.handler = async () => 1;
