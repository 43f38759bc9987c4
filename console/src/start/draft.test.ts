import { describe, expect, it } from "vitest";
import { type Draft, EMPTY_DRAFT, inputOf, parseMetadata } from "./draft.ts";

const ALL = ["system", "maxTokens", "temperature", "topP", "processTime", "stopSequences", "messages"];

function draft(fields: Partial<Draft>): Draft {
  return { ...EMPTY_DRAFT, model: "m", ...fields };
}

describe("the input of a draft", () => {
  it("has the options that were filled in, as their types", () => {
    const options = {
      system: "Be brief",
      maxTokens: "50",
      temperature: "0.5",
      topP: " ",
      stopSequences: "END\n\nSTOP",
    };

    expect(inputOf(draft({ prompt: "Hi", options, maxCost: "0.1" }), ALL, null)).toEqual({
      model: "m",
      prompt: "Hi",
      system: "Be brief",
      maxTokens: 50,
      temperature: 0.5,
      stopSequences: ["END", "STOP"],
      maxCost: 0.1,
    });
  });

  it("leaves out options that the model does not take", () => {
    const options = { system: "Be brief", maxTokens: "50" };

    expect(inputOf(draft({ prompt: "Hi", options }), ["maxTokens"], null)).toEqual({
      model: "m",
      prompt: "Hi",
      maxTokens: 50,
    });
  });

  it("is a conversation in which user and assistant take turns", () => {
    const image = new Uint8Array([1]);
    const turns = [
      { text: "Hi", images: [image] },
      { text: "Hello", images: [] },
    ];

    expect(inputOf(draft({ form: "conversation", turns }), ALL, null)).toEqual({
      model: "m",
      messages: [
        { role: "USER", text: "Hi", images: [image] },
        { role: "ASSISTANT", text: "Hello" },
      ],
    });
  });

  it.each([
    ["", { parentJobId: "p" }],
    ['{"team": "docs"}', { team: "docs", parentJobId: "p" }],
    ["[1]", [1]],
  ])("names its parent in the metadata %s", (metadata, expected) => {
    expect(inputOf(draft({ prompt: "Hi", metadata }), ALL, "p").metadata).toEqual(expected);
  });
});

describe("metadata", () => {
  it("is undefined if it is not JSON, and null if it is empty", () => {
    expect([parseMetadata("{"), parseMetadata(" "), parseMetadata("1")]).toEqual([undefined, null, 1]);
  });
});
