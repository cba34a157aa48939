import { type ClusterState, isSynchronous } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import type { Logger } from '#libs/observability';
import type { Confirmation } from '#libs/protocol';
import { Calm } from './observe/calm.ts';
import type { Snapshot } from './observe/snapshot.ts';
import { type Pace, paceOf } from './pace.ts';

type Eyes = { readonly latest: Snapshot | null; look(): void };

/** How often the instance is looked at and reported: less often while nothing changes, as far as the leader allows. */
export class Tempo {
  readonly #instance: string;
  readonly #stream: { readonly state: ClusterState | null };
  readonly #eyes: () => Eyes;
  readonly #calm: Calm;
  #allowedMs = 0;

  constructor(
    {
      config,
      log,
    }: { readonly config: Pick<AgentConfig, 'instance' | 'postgres'>; readonly log: Logger },
    stream: { readonly state: ClusterState | null },
    eyes: () => Eyes,
  ) {
    this.#instance = config.instance;
    this.#stream = stream;
    this.#eyes = eyes;
    this.#calm = new Calm(config.postgres.dataDirectory, log, () => eyes().look());
  }

  get pace(): Pace {
    return paceOf(this.#stream.state, this.calmMs);
  }

  /** How much later than usual the next look and report come; 0 while anything happens. */
  get calmMs(): number {
    const { state } = this.#stream;
    const atRest = state !== null && state.operation.kind === 'none' && !isSynchronous(state);
    return atRest && this.#calm.isCalm(this.#eyes().latest) ? this.#allowedMs : 0;
  }

  /** A leader that says nothing of it counts on the usual pace. */
  answered({ calmMs }: Confirmation): void {
    this.#allowedMs = calmMs ?? 0;
  }

  looked(): void {
    this.#calm.looked(this.#eyes().latest);
  }

  /** The cluster changed. What a switchover's target has received by now decides whether the leader waits for more. */
  disturb(): void {
    this.#calm.disturb();
    const operation = this.#stream.state?.operation;
    if (operation?.kind === 'switchover' && operation.to === this.#instance) this.#eyes().look();
  }

  close(): void {
    this.#calm.close();
  }
}
