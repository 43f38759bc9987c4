import { memo, type ReactNode } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { partsOf } from "./blocks.ts";

// An image would be loaded from anywhere, and its address could carry what the model knows. A link is opened on purpose.
const COMPONENTS: Components = {
  a: ({ href, children }) => <Outside href={href}>{children}</Outside>,
  img: ({ src, alt }) => <Outside href={typeof src === "string" ? src : undefined}>{alt || src}</Outside>,
};
const PLUGINS = [remarkGfm];

/** Markdown without HTML of its own. Its images are links. */
export default function Markdown({ text }: { readonly text: string }): ReactNode {
  return (
    <div className="markdown">
      {partsOf(text).map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts are only added at the end
        <Part key={index} text={part} />
      ))}
    </div>
  );
}

const Part = memo(function Part({ text }: { readonly text: string }): ReactNode {
  return (
    <ReactMarkdown remarkPlugins={PLUGINS} components={COMPONENTS}>
      {text}
    </ReactMarkdown>
  );
});

function Outside({ href, children }: { readonly href: string | undefined; readonly children: ReactNode }): ReactNode {
  if (href === undefined || !/^https?:/i.test(href)) return children;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}
