// @vitest-environment happy-dom
import { useChat } from "@ai-sdk/react";
import { act, createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";
import { LongcallChatTransport, type LongcallUIMessage } from "../../src/ai-sdk/index.ts";
import { chatOn, JobApi } from "./api.ts";
import { textOf } from "./plain-chat.ts";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

it("does not cancel a job when React's strict mode stops the chat and reconnects it", async () => {
  const api = new JobApi();
  void chatOn(api).sendMessage({ text: "Hi" });
  await api.world.settle();
  api.report({ delta: "One " });
  let reconnects = 0;
  const transport = new LongcallChatTransport({
    client: api.client,
    model: "m",
    jobOf: () => {
      reconnects += 1;
      return api.jobId;
    },
  });
  function Page() {
    const { messages } = useChat<LongcallUIMessage>({ id: "chat-1", transport, resume: true });
    return createElement("p", null, textOf(messages.at(-1)));
  }
  const root = createRoot(document.body.appendChild(document.createElement("div")));

  await act(async () => {
    root.render(createElement(StrictMode, null, createElement(Page)));
    await api.world.settle();
  });
  await act(async () => {
    api.report({ delta: "two" });
    api.complete();
    await api.world.settle();
  });

  expect(reconnects).toBe(2);
  expect(document.body.textContent).toBe("One two");
  expect(api.cancelled).toEqual([]);
  act(() => root.unmount());
  api.client.close();
});
