import type { ReactNode } from "react";

// Drawn on a grid of 16 by 16.
const PATHS = {
  alert: "M8 2 15 14H1ZM8 6.5v3.5M8 12v.2",
  back: "M10 3 5 8l5 5",
  chart: "M2 13V3M2 13h12M5 10V8M8 10V5M11 10V7",
  check: "M3 8.5 6.5 12 13 4.5",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  download: "M8 2v8M5 7l3 3 3-3M3 13h10",
  end: "M4 3l6 5-6 5zM12 3v10",
  explorer: "M8 1.5 13.6 4.75v6.5L8 14.5 2.4 11.25v-6.5ZM8 1.5 13.6 11.25H2.4Z",
  flask: "M6 2h4M7 2v4L3 13h10L9 6V2",
  jobs: "M2 4h12M2 8h12M2 12h8",
  next: "M6 3l5 5-5 5",
  pause: "M5 3v10M11 3v10",
  play: "M4 3l9 5-9 5Z",
  plus: "M8 3v10M3 8h10",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9ZM10.5 10.5 14 14",
  stop: "M4 4h8v8H4z",
  trash: "M3 4h10M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4M6.7 7v4M9.3 7v4",
  user: "M8 8.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.5 14c.5-3 2.7-4.2 5.5-4.2s5 1.2 5.5 4.2",
} as const;

/** A symbol beside a text, which says the same. */
export function Icon({ name }: { readonly name: keyof typeof PATHS }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
