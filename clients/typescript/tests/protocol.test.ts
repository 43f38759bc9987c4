import { describe, expect, it } from "vitest";
import { RealtimeProtocol } from "../src/protocol.ts";

const KEEP_ALIVE = 90_000;
const ANSWER = 35_000;

function opened(): RealtimeProtocol {
  const protocol = new RealtimeProtocol(KEEP_ALIVE, ANSWER, 0);
  expect(protocol.toSend()).toEqual(['{"type":"connection_init"}']);
  expect(protocol.receive('{"type":"connection_ack"}', 10)).toEqual([{ type: "connected" }]);
  return protocol;
}

function subscribed(): [RealtimeProtocol, string] {
  const protocol = opened();
  const id = protocol.start("{}", { host: "h" }, 20);
  protocol.toSend();
  expect(protocol.receive(JSON.stringify({ type: "start_ack", id }), 30)).toEqual([{ type: "acknowledged", id }]);
  return [protocol, id];
}

describe("a connection", () => {
  it("is lost if no acknowledgement comes in time", () => {
    const protocol = new RealtimeProtocol(KEEP_ALIVE, ANSWER, 0);
    expect(protocol.deadline()).toBe(ANSWER);
    expect(protocol.expire(ANSWER - 1)).toEqual([]);
    expect(protocol.expire(ANSWER)).toEqual([{ type: "lost" }]);
    expect(protocol.deadline()).toBeNull();
  });

  it("lives as long as keep-alives come", () => {
    const protocol = opened();
    expect(protocol.receive('{"type":"ka"}', 80_000)).toEqual([]);
    expect(protocol.deadline()).toBe(80_000 + KEEP_ALIVE);
    expect(protocol.expire(80_000 + KEEP_ALIVE)).toEqual([{ type: "lost" }]);
  });

  it("reports a refusal with its reasons, and nothing afterwards", () => {
    const protocol = new RealtimeProtocol(KEEP_ALIVE, ANSWER, 0);
    const refusal = { type: "connection_error", payload: { errors: [{ errorType: "UnauthorizedException" }] } };
    expect(protocol.receive(JSON.stringify(refusal), 1)).toEqual([
      {
        type: "refused",
        faults: [{ message: "UnauthorizedException", errorType: "UnauthorizedException" }],
      },
    ]);
    expect(protocol.receive('{"type":"connection_ack"}', 2)).toEqual([]);
  });

  it.each(["no JSON", "[]", "{}", '{"type":"other"}', '{"type":"data"}'])("is lost after the text %s", (text) => {
    expect(opened().receive(text, 20)).toEqual([{ type: "lost" }]);
  });

  it("takes no subscription before it is open, nor after its end", () => {
    const protocol = new RealtimeProtocol(KEEP_ALIVE, ANSWER, 0);
    expect(() => protocol.start("{}", {}, 1)).toThrow("needs an open connection");
    expect(protocol.lose()).toHaveLength(1);
    expect(protocol.lose()).toEqual([]);
    expect(() => protocol.start("{}", {}, 2)).toThrow("needs an open connection");
  });
});

describe("a subscription", () => {
  it("sends its request with the caller's headers", () => {
    const protocol = opened();
    const id = protocol.start('{"query":"q"}', { Authorization: "t", host: "h" }, 20);
    expect(protocol.toSend().map((text) => JSON.parse(text))).toEqual([
      {
        id,
        type: "start",
        payload: { data: '{"query":"q"}', extensions: { authorization: { Authorization: "t", host: "h" } } },
      },
    ]);
    expect(protocol.toSend()).toEqual([]);
  });

  it("hears its own pushes after its acknowledgement only", () => {
    const protocol = opened();
    const id = protocol.start("{}", {}, 20);
    const push = JSON.stringify({ type: "data", id, payload: { data: { on: { a: 1 } } } });
    expect(protocol.receive(push, 25)).toEqual([]);
    protocol.receive(JSON.stringify({ type: "start_ack", id }), 30);
    expect(protocol.receive(push, 35)).toEqual([{ type: "pushed", id, fields: { a: 1 } }]);
    expect(protocol.receive(push.replace(`"${id}"`, '"other"'), 40)).toEqual([]);
  });

  it.each([
    { errors: [{ message: "no" }], data: { on: null } },
    { data: null },
    { data: { on: null } },
    { data: {} },
    null,
  ])("reports the push %j as unreadable", (payload) => {
    const [protocol, id] = subscribed();
    expect(protocol.receive(JSON.stringify({ type: "data", id, payload }), 40)).toEqual([
      { type: "pushed", id, fields: null },
    ]);
  });

  it("ends alone when it is refused, unanswered or completed", () => {
    const [protocol, id] = subscribed();
    const refused = protocol.start("{}", {}, 40);
    const slow = protocol.start("{}", {}, 50);
    const error = { type: "error", id: refused, payload: { errors: [{ message: "no", errorType: "E" }] } };
    expect(protocol.receive(JSON.stringify(error), 60)).toEqual([
      { type: "rejected", id: refused, faults: [{ message: "no", errorType: "E" }] },
    ]);
    expect(protocol.expire(50 + ANSWER)).toEqual([{ type: "unanswered", id: slow }]);
    expect(protocol.receive(JSON.stringify({ type: "complete", id }), 70_000)).toEqual([
      { type: "ended", id, faults: [] },
    ]);
    expect(protocol.state).toBe("open");
  });

  it("is stopped once", () => {
    const [protocol, id] = subscribed();
    protocol.stop(id);
    protocol.stop(id);
    expect(protocol.toSend()).toEqual([JSON.stringify({ id, type: "stop" })]);
    expect(protocol.receive(JSON.stringify({ type: "complete", id }), 50)).toEqual([]);
  });
});
