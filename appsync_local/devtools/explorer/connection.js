"use strict";

// The connection of a browser to AppSync: queries and mutations by POST, subscriptions over the realtime protocol. There
// the authorization object is sent as a subprotocol, and again in every `start`.

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

  // Calls observer.started when the subscription is acknowledged, observer.next for each event, then complete or error.
  // Returns a function that ends the subscription. Each subscription has its own connection.
  function subscribe(url, request, headers, observer) {
    const authorization = { ...headers, host: new URL(url).host };
    const socket = new WebSocket(url, ["graphql-ws", `header-${encoded(authorization)}`]);
    const id = crypto.randomUUID();
    let isOver = false;
    const end = (notify) => {
      if (!isOver) {
        isOver = true;
        socket.close();
        notify();
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
