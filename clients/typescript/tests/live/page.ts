// A page that follows jobs and shows their output. A test calls the functions of `page` over the DevTools protocol.
import { type Client, createClient, type Heal, type JobInput, type JobView, lambdaToken } from "../../src/index.ts";

/** What is shown of one job: the digest is that of the text in the document. */
interface Shown {
  readonly jobId: string;
  readonly status: string;
  readonly sha256: string;
  readonly isResult: boolean;
  readonly inOrder: boolean;
}

const links: string[] = [];
const heals: Heal[] = [];
let tokens = 0;
let refused = 0;
let token: Promise<string> | null = null;

/** The page's server signs the tokens; `life` is how many seconds they are accepted. */
const life = new URLSearchParams(location.search).get("life") ?? "600";
const client: Client = createClient({
  graphqlUrl: new URLSearchParams(location.search).get("graphqlUrl") ?? "",
  authorization: lambdaToken((refresh) => {
    if (refresh) refused += 1;
    if (refresh || token === null) {
      tokens += 1;
      token = fetch(`/token?life=${life}`).then((response) => response.text());
    }
    return token;
  }),
  onLink: (link) => links.push(link),
  onHeal: (heal) => heals.push(heal),
});

let following = 0;
const shown: Shown[] = [];
let failure: string | null = null;

/** Follows the views of one job, and shows the output of each in an element of its own. */
async function follow(views: AsyncIterable<JobView>): Promise<Shown> {
  const element = document.body.appendChild(document.createElement("pre"));
  let last: JobView | null = null;
  let inOrder = true;
  for await (const view of views) {
    inOrder &&= view.sequence === (last?.sequence ?? 0) + 1;
    if (view.output !== element.textContent) element.textContent = view.output;
    element.dataset.jobId = view.jobId;
    element.dataset.status = view.status;
    last = view;
  }
  const { jobId, status, result } = last as unknown as JobView;
  const shown = element.textContent ?? "";
  return { jobId, status, sha256: await sha256(shown), isResult: result === shown, inOrder };
}

async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const page = {
  client,
  links,
  run(...inputs: JobInput[]): void {
    for (const input of inputs) {
      const index = following++;
      follow(client.run(input)).then(
        (it) => {
          shown[index] = it;
        },
        (error) => {
          failure = String(error);
        },
      );
    }
  },
  /** What is shown of each job; null until all have ended. */
  shown(): Shown[] | null {
    if (failure !== null) throw new Error(failure);
    return Object.keys(shown).length === following ? shown : null;
  },
  /** How many jobs have shown some text. */
  begun: (): number => [...document.querySelectorAll("pre")].filter(({ textContent }) => textContent).length,
  jobId: (index: number): string | undefined => document.querySelectorAll("pre")[index]?.dataset.jobId,
  counts: () => ({ heals: heals.length, tokens, refused }),
};

Object.assign(globalThis, { page });
