import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventsAnswer, StatusAnswer } from '#libs/api';
import { messageOf } from '#libs/kernel';
import { WritingClient } from '#libs/outage';
import { type Fault, inflict } from './faults.ts';
import type { HttpClusterApi } from './http-cluster-api.ts';
import { liveView } from './live-view.ts';
import type { RunningCluster } from './running-cluster.ts';
import { frame } from './screen.ts';
import type { Terminal } from './terminal.ts';

const KEY_FAULTS: Readonly<Record<string, Fault>> = {
  p: 'postmaster-kill',
  g: 'guard-kill',
  a: 'manager-kill',
  c: 'controller-kill',
  s: 'switchover',
};
const DRAW_INTERVAL_MS = 100;
const ASK_INTERVAL_MS = 250;
const COUNT_LOST_INTERVAL_MS = 5_000;
const BOOTSTRAP_LIMIT_MS = 120_000;
const EVENTS_SHOWN = 50;

/** The demo with a screen and keys, until `q` or the signal. */
export class LiveDemo {
  readonly #cluster: RunningCluster;
  readonly #api: HttpClusterApi;
  readonly #client: WritingClient;
  readonly #ended = new AbortController();
  readonly #end = new Promise<void>((resolve) => {
    this.#ended.signal.addEventListener('abort', () => resolve());
  });
  readonly #startedMs = performance.now();
  #status: StatusAnswer | null = null;
  #events: EventsAnswer['events'] = [];
  #worstGapMs = 0;
  #faultSeen = false;
  #lost: number | null = null;
  #message = 'starting three controllers and three instances';

  constructor(cluster: RunningCluster, api: HttpClusterApi) {
    this.#cluster = cluster;
    this.#api = api;
    const { databaseHosts: hosts, credentials } = cluster;
    this.#client = new WritingClient({ hosts, credentials });
  }

  press(key: string): void {
    if (key === 'q') this.quit();
    const fault = KEY_FAULTS[key];
    if (fault !== undefined) void this.#inflict(fault);
  }

  quit(): void {
    this.#message = 'stopping everything in order';
    this.#ended.abort();
  }

  async run(terminal: Terminal): Promise<void> {
    const redraw = setInterval(() => this.#draw(terminal), DRAW_INTERVAL_MS);
    try {
      await Promise.all([
        this.#bootstrap(),
        this.#repeat(ASK_INTERVAL_MS, () => this.#ask()),
        this.#repeat(COUNT_LOST_INTERVAL_MS, () => this.#countLost()),
      ]);
      this.#draw(terminal);
    } finally {
      clearInterval(redraw);
      await this.#client.stop();
    }
  }

  async #bootstrap(): Promise<void> {
    const { signal } = this.#ended;
    try {
      await this.#cluster.start(this.#api, signal);
      const primary = await this.#cluster.untilStreaming(2, BOOTSTRAP_LIMIT_MS, signal);
      const tookMs = Math.round(performance.now() - this.#startedMs);
      await this.#client.prepare(primary);
      this.#client.start();
      this.#message = `a primary and two streaming standbys after ${tookMs} ms; press a key`;
    } catch (error) {
      if (!signal.aborted) this.#message = `${messageOf(error)} (logs: ${this.#logs()})`;
    }
  }

  async #inflict(fault: Fault): Promise<void> {
    this.#worstGapMs = Math.max(this.#worstGapMs, this.#client.view().gapMs);
    this.#client.markGap();
    this.#faultSeen = true;
    try {
      this.#message = await inflict(fault, this.#cluster, this.#api);
    } catch (error) {
      this.#message = messageOf(error);
    }
  }

  async #repeat(intervalMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await work();
      await Promise.race([pause(intervalMs), this.#end]);
    }
  }

  /** A controller that was just killed does not answer: the last answer stays on the screen. */
  async #ask(): Promise<void> {
    try {
      const [status, events] = await Promise.all([
        this.#api.status(),
        this.#api.events(this.#events.at(-1)?.sequence ?? 0),
      ]);
      this.#status = status;
      this.#events = [...this.#events, ...events.events].slice(-EVENTS_SHOWN);
    } catch {
      this.#status = null;
    }
  }

  async #countLost(): Promise<void> {
    const primary = this.#client.view().lastHost;
    if (primary === null) return;
    try {
      this.#lost = await this.#client.countLost(primary);
    } catch {
      this.#lost = null;
    }
  }

  #draw(terminal: Terminal): void {
    const view = liveView({
      plan: this.#cluster.plan,
      upSeconds: (performance.now() - this.#startedMs) / 1_000,
      status: this.#status,
      events: this.#events,
      client: this.#client.view(),
      worstGapMs: this.#worstGapMs,
      faultSeen: this.#faultSeen,
      lost: this.#lost,
      message: this.#message,
    });
    terminal.draw(frame(view, terminal.size));
  }

  #logs(): string {
    return this.#cluster.plan.logsDirectory;
  }
}
