import { act } from "@testing-library/react";
import { createElement, type ReactNode } from "react";
import { vi } from "vitest";
import { lambdaToken } from "../../src/authorization.ts";
import { type Client, createClient } from "../../src/client.ts";
import { LongcallProvider } from "../../src/react/index.ts";
import { World } from "../world.ts";

/** A page whose frames and timers stand still until `frame` or `pass`. Its API is a `World` with a clock of its own. */
export class Page {
  readonly world: World = new World();
  readonly client: Client = clientOf(this.world);

  readonly wrapper = ({ children }: { children: ReactNode }): ReactNode =>
    createElement(LongcallProvider, { client: this.client }, children);

  /** Lets everything arrive that the API has sent, without a frame. */
  async arrive(): Promise<void> {
    await act(() => this.world.settle());
  }

  /** Lets everything arrive, and shows it with the next frame. */
  async frame(): Promise<void> {
    await this.arrive();
    await this.pass(17);
  }

  /** Lets some milliseconds pass on the page. */
  async pass(milliseconds: number): Promise<void> {
    await act(async () => {
      vi.advanceTimersByTime(milliseconds);
      await this.world.settle();
    });
  }
}

export function clientOf(world: World): Client {
  return createClient({ graphqlUrl: "http://host/graphql", authorization: lambdaToken(() => "t"), environment: world });
}

export const PAGE_CLOCK = ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame"] as const;
