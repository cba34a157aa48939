import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { assert, unreachable } from '#libs/kernel';
import { METRICS } from './metric-table.ts';

type Table = typeof METRICS;
export type MetricName = keyof Table;
type NameOf<Kind extends string> = {
  [Name in MetricName]: Table[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
/** One text per label of the metric. */
export type MetricLabels<Name extends MetricName> = Readonly<
  Record<Table[Name]['labels'][number], string>
>;

/** May take its time, in turns. */
type Collect = () => void | Promise<void>;

/** The metrics of one process. Values are in the unit that the name ends with. */
export class Metrics {
  readonly registry = new Registry();
  readonly #instruments = new Map<MetricName, Gauge | Counter | Histogram>();

  constructor(process: 'controller' | 'agent') {
    for (const name of Object.keys(METRICS) as MetricName[]) {
      const { of } = METRICS[name];
      if (of === process || of === 'every') this.#instruments.set(name, this.#make(name));
    }
  }

  set<Name extends NameOf<'gauge'>>(name: Name, value: number, labels?: MetricLabels<Name>): void {
    const found = this.#instruments.get(name);
    assert(found instanceof Gauge, 'a gauge of this process', { name });
    found.set(labels ?? {}, value);
  }

  add<Name extends NameOf<'counter'>>(name: Name, by: number, labels?: MetricLabels<Name>): void {
    const found = this.#instruments.get(name);
    assert(found instanceof Counter, 'a counter of this process', { name });
    found.inc(labels ?? {}, by);
  }

  observe<Name extends NameOf<'histogram'>>(
    name: Name,
    value: number,
    labels?: MetricLabels<Name>,
  ): void {
    const found = this.#instruments.get(name);
    assert(found instanceof Histogram, 'a histogram of this process', { name });
    found.observe(labels ?? {}, value);
  }

  /** Forgets every labelled value, as before the instances that still exist are set again. */
  reset(name: MetricName): void {
    this.#instruments.get(name)?.reset();
  }

  /** Runs before every scrape. */
  beforeScrape(collect: Collect): void {
    this.#collectors.push(collect);
  }

  readonly #collectors: Collect[] = [];
  #lastScrape = Promise.resolve('');

  get contentType(): string {
    return this.registry.contentType;
  }

  /** The answer to `GET /metrics`. One at a time: another would forget what this one has just set. */
  text(): Promise<string> {
    const begin = (): Promise<string> => this.#scrape();
    // Whoever asked for the one before is told how it failed.
    this.#lastScrape = this.#lastScrape.then(begin, begin);
    return this.#lastScrape;
  }

  async #scrape(): Promise<string> {
    for (const collect of this.#collectors) await collect();
    return await this.registry.metrics();
  }

  #make(name: MetricName): Gauge | Counter | Histogram {
    const row = METRICS[name];
    const common = {
      name,
      help: row.help,
      labelNames: [...row.labels],
      registers: [this.registry],
    };
    switch (row.kind) {
      case 'gauge':
        return new Gauge(common);
      case 'counter':
        return new Counter(common);
      case 'histogram':
        return new Histogram({ ...common, buckets: [...row.buckets] });
      default:
        return unreachable(row);
    }
  }
}
