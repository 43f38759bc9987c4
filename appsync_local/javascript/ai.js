// The module `@aws-appsync/utils/ai`: requests to Amazon Bedrock.
// Source: AppSync Developer Guide, "JavaScript resolver and function reference for Amazon Bedrock runtime".
(({ complete, isPlain, refusal }) => {
  const request = (operation, verb) => (payload) => {
    if (!isPlain(payload)) throw refusal(`${verb} expects an object with modelId and the members of a ${operation} request`);
    return { operation, ...payload };
  };
  return complete("@aws-appsync/utils/ai", {
    invokeModel: request("InvokeModel", "invokeModel"),
    converse: request("Converse", "converse"),
  });
})
