import type { PreflightAnswer } from '#libs/api';
import { failedPreflight, type Preflight, proveSource } from '#libs/backup';
import { type ClusterState, lastHolder, REBUILD_METHODS, rebuildPolicyOf } from '#libs/cluster';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { expectedOf, serverOf } from './rebuild-sources.ts';
import { toolFor } from './tools-here.ts';

/** Sources are asked at most this often, however many ask us. */
const KEPT_MS = 5_000;

/** What each method would do here now: for `reinit --dry-run`. Changes nothing. */
export class Preflights {
  #answer: Promise<PreflightAnswer | null> | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly local: LocalInstance,
    readonly state: () => ClusterState | null,
    readonly nowMs: () => number,
  ) {}

  ask(): Promise<PreflightAnswer | null> {
    if (this.#answer === null || this.nowMs() - this.#askedAtMs > KEPT_MS) {
      this.#askedAtMs = this.nowMs();
      this.#answer = this.#look();
    }
    return this.#answer;
  }

  async #look(): Promise<PreflightAnswer | null> {
    const state = this.state();
    const holder = state === null ? null : lastHolder(state);
    const upstream = holder === null ? undefined : state?.members[holder];
    if (state === null || upstream === undefined) return null;
    const { config, installation } = this.local;
    const { bandwidthBytesPerSecond, methods } = rebuildPolicyOf(state.postgres);
    const request = {
      installation,
      dataDirectory: this.local.dataDirectory,
      expected: expectedOf(state),
      server: serverOf(this.local, state, upstream, true),
    };
    const all = [...methods, ...REBUILD_METHODS.filter((method) => !methods.includes(method))];
    const found = await Promise.all(
      all.map((method): Preflight | Promise<Preflight> => {
        const tool = toolFor(method, config);
        if (tool !== null) return proveSource(tool, request, bandwidthBytesPerSecond);
        return failedPreflight(method, `backup.${method} is not configured on this host`);
      }),
    );
    const answers = found.map((one) => ({ ...plain(one), listed: methods.includes(one.method) }));
    return { instance: config.instance, methods: answers };
  }
}

function plain({ method, ok, detail, bytes, estimateSeconds, checks }: Preflight) {
  const own = checks.map((check) => ({ ...check }));
  return { method, ok, detail, bytes, estimateSeconds, checks: own };
}
