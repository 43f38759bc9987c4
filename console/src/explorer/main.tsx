import "./workers.ts";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Explorer } from "./Explorer.tsx";
import "graphiql/style.css";
import "./explorer.css";

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Explorer />
    </StrictMode>,
  );
}
