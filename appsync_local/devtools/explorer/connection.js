"use strict";

// How a browser talks to AppSync: queries and mutations by POST, subscriptions over the realtime protocol, where the
// authorization object travels in a subprotocol and again in every `start`.

const appsync = (() => {
  function encoded(value) {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  async function ask(request, headers) {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(request),
    });
    return response.json();
  }

  // Calls observer.started once events will come, observer.next for each, then complete or error; gives a function
  // that ends it. A connection of its own for each subscription: what one does cannot disturb another.
  function subscribe(url, request, headers, observer) {
    const authorization = { ...headers, host: new URL(url).host };
    const socket = new WebSocket(url, ["graphql-ws", `header-${encoded(authorization)}`]);
    const id = crypto.randomUUID();
    let isOver = false;
    const end = (tell) => {
      if (!isOver) {
        isOver = true;
        socket.close();
        tell();
      }
    };
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => send({ type: "connection_init" });
    socket.onmessage = ({ data }) => {
      const { type, id: about, payload } = JSON.parse(data);
      if (type === "connection_ack") {
        const extensions = { authorization };
        send({ id, type: "start", payload: { data: JSON.stringify(request), extensions } });
      } else if (type === "start_ack" && about === id) {
        observer.started();
      } else if (type === "data" && about === id) {
        observer.next(payload);
      } else if (type === "complete" && about === id) {
        end(observer.complete);
      } else if (type === "connection_error" || type === "error") {
        end(() => observer.error(payload));
      }
    };
    socket.onclose = () => end(() => observer.error({ errors: [{ message: "the connection was closed" }] }));
    return () => {
      if (socket.readyState === WebSocket.OPEN && !isOver) send({ id, type: "stop" });
      end(() => {});
    };
  }

  return { ask, subscribe };
})();
