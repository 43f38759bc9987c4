import type { UIMessage } from "ai";
import { expect, it } from "vitest";
import { conversationOf } from "../../src/ai-sdk/conversation.ts";
import { InvalidInput } from "../../src/errors.ts";

let count = 0;

function says(role: UIMessage["role"], ...parts: (string | UIMessage["parts"][number])[]): UIMessage {
  count += 1;
  return {
    id: String(count),
    role,
    parts: parts.map((it) => (typeof it === "string" ? { type: "text", text: it } : it)),
  };
}

const image = (url: string, mediaType: string) => ({ type: "file" as const, url, mediaType });

it("is a prompt if there is one question", () => {
  expect(conversationOf([says("user", "Hi")])).toEqual({ prompt: "Hi" });
});

it("takes turns, and says as system what the system says", () => {
  const messages = [
    says("system", "Be brief."),
    says("assistant", "How can I help?"),
    says("user", "One"),
    says("assistant"),
    says("user", "Two"),
    says("assistant", { type: "reasoning", text: "hm" }, "Three", "Four"),
    says("user", "Five"),
  ];
  expect(conversationOf(messages)).toEqual({
    system: "Be brief.",
    messages: [
      { role: "USER", text: "One\n\nTwo", images: [] },
      { role: "ASSISTANT", text: "Three\n\nFour", images: [] },
      { role: "USER", text: "Five", images: [] },
    ],
  });
});

it("sends images that are data URLs", () => {
  const { messages } = conversationOf([says("user", "What is it?", image("data:image/png;base64,AP+A", "image/png"))]);
  expect(messages).toEqual([{ role: "USER", text: "What is it?", images: [Uint8Array.of(0, 255, 128)] }]);
});

it.each(["https://host/cat.png", "data:application/pdf;base64,AAAA"])("refuses the file %s", (url) => {
  expect(() => conversationOf([says("user", image(url, "application/pdf"))])).toThrow(InvalidInput);
});
