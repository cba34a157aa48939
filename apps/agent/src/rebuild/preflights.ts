import type { PreflightAnswer } from '#libs/api';
import { failedPreflight, type Preflight, proveSource } from '#libs/backup';
import {
  type ClusterState,
  isArchive,
  lastHolder,
  type MemberRecord,
  methodsFor,
  REBUILD_METHODS,
  rebuildPolicyOf,
  remoteMember,
  rootOf,
} from '#libs/cluster';
import { type InstanceName, messageOf } from '#libs/kernel';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { presentUpstream } from '../steps/ask-upstream.ts';
import { expectedFrom, serverOf } from './rebuild-sources.ts';
import { toolFor } from './tools-here.ts';

/** Sources are asked at most this often, however many ask us, while nothing has happened to the cluster. */
const KEPT_MS = 2_000;

type Asked = {
  readonly sequence: number | null;
  readonly atMs: number;
  readonly answer: Promise<PreflightAnswer | null>;
};

/** What each method would do here now: for `reinit --dry-run`. Changes nothing. */
export class Preflights {
  #last: Asked | null = null;

  constructor(
    readonly local: LocalInstance,
    readonly state: () => ClusterState | null,
    readonly nowMs: () => number,
  ) {}

  ask(): Promise<PreflightAnswer | null> {
    const { sequence = null } = this.state() ?? {};
    const atMs = this.nowMs();
    const last = this.#last;
    if (last !== null && last.sequence === sequence && atMs - last.atMs <= KEPT_MS) {
      return last.answer;
    }
    const answer = this.#look();
    this.#last = { sequence, atMs, answer };
    return answer;
  }

  async #look(): Promise<PreflightAnswer | null> {
    const state = this.state();
    const source = state === null ? undefined : sourceOf(state, this.local.config.instance);
    if (state === null || source === undefined) return null;
    // Just started: without passwords every server would seem to refuse this host.
    if (this.local.credentials === null) return null;
    const { config, installation } = this.local;
    const { bandwidthBytesPerSecond } = rebuildPolicyOf(state.postgres);
    const methods = methodsFor(state, config.instance);
    const upstream = source === null ? null : await presentUpstream(this, source).catch(messageOf);
    const common = {
      installation,
      dataDirectory: this.local.dataDirectory,
    };
    const all = [...methods, ...REBUILD_METHODS.filter((method) => !methods.includes(method))];
    const found = await Promise.all(
      all.map(async (method): Promise<Preflight> => {
        const tool = toolFor(method, config);
        if (tool === null) {
          return failedPreflight(method, `backup.${method} is not configured on this host`);
        }
        if (typeof upstream === 'string') return failedPreflight(method, upstream);
        const server = upstream === null ? null : serverOf(this.local, state, upstream, true);
        const expected = await expectedFrom(state, server);
        return proveSource(tool, { ...common, expected, server }, bandwidthBytesPerSecond);
      }),
    );
    const answers = found.map((one) => ({ ...plain(one), listed: methods.includes(one.method) }));
    return { instance: config.instance, methods: answers };
  }
}

/**
 * Whom the standbys hang on; of a cluster that follows another its leader hangs on that one. Null: that
 * is an archive, and no server.
 */
function sourceOf(state: ClusterState, own: InstanceName): MemberRecord | null | undefined {
  const { following, members } = state;
  if (following !== undefined && following.leader === own) {
    return isArchive(following.remote) ? null : remoteMember(following.remote);
  }
  const root = rootOf(state) ?? lastHolder(state);
  return root === null ? undefined : members[root];
}

function plain({ method, ok, detail, bytes, estimateSeconds, checks }: Preflight) {
  const own = checks.map((check) => ({ ...check }));
  return { method, ok, detail, bytes, estimateSeconds, checks: own };
}
