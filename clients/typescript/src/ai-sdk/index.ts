export { type Conversation, conversationOf } from "./conversation.ts";
export type { LongcallData, LongcallMetadata, LongcallUIMessage } from "./messages.ts";
export { type ChatJobRequest, LongcallChatTransport, type LongcallChatTransportOptions } from "./transport.ts";
