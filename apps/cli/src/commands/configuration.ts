import { parse, stringify } from 'yaml';
import {
  API_PATHS,
  type ConfigurationAnswer,
  type ConfigureAnswer,
  configurationAnswer,
  configureAnswer,
  jsonOf,
} from '#libs/api';
import type { ClusterConfiguration } from '#libs/cluster';
import type { ApiClient } from '../api/api-client.ts';
import { UsageError } from '../cli-error.ts';
import { type AssignmentTarget, assigned, withSettings } from '../configuration/assignments.ts';
import { type ConfigurationChange, changesBetween, changesText } from '../configuration/changes.ts';
import { configurationIn, documentOf } from '../configuration/document.ts';
import { editUntilTaken, isBlank } from '../configuration/edit-until-taken.ts';
import { EditedFile, EditingGivenUpError } from '../configuration/editor.ts';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { revisionsText } from '../render/revisions-text.ts';
import { whichCluster } from './which-cluster.ts';

export type ClusterOption = { readonly cluster?: string };
export type StoreOptions = ClusterOption & {
  readonly comment?: string;
  readonly dryRun?: true;
};
export type SetOptions = StoreOptions &
  AssignmentTarget & { readonly unset?: readonly string[]; readonly setting?: readonly string[] };

export async function showConfiguration(
  context: Context,
  { cluster: named, revision }: ClusterOption & { readonly revision?: number },
): Promise<Outcome> {
  const { client, answer } = await ask(context, named);
  const wanted = revision ?? answer.revision;
  const configuration = revisionOf(answer, wanted);
  const pending = wanted === answer.revision ? await pendingRestarts(client, answer.cluster) : [];
  const remarks = pending.map(
    ({ instance, name, running, configured }) =>
      `# ${instance} needs a restart: ${name} is ${running}, then ${configured}\n`,
  );
  const head = `# ${answer.cluster}, revision ${wanted}\n${remarks.join('')}`;
  const text = `${head}${documentOf(configuration)}`.trimEnd();
  const result = jsonOf({ cluster: answer.cluster, revision: wanted, configuration, pending });
  return { exitCode: EXIT.held, text, result };
}

export async function configurationHistory(
  context: Context,
  { cluster: named }: ClusterOption,
): Promise<Outcome> {
  const { answer } = await ask(context, named);
  const rows = answer.revisions.map(({ revision, at, by, comment, configuration }, place) => {
    const before = answer.revisions[place - 1]?.configuration;
    const changed = before === undefined ? null : changesBetween(before, configuration).length;
    return { revision, at, by, comment, changed };
  });
  return {
    exitCode: EXIT.held,
    text: revisionsText(rows, context.terminal),
    result: jsonOf({ cluster: answer.cluster, revisions: rows.map(withIsoTime) }),
  };
}

function withIsoTime<Row extends { readonly at: number }>({ at, ...row }: Row) {
  return { ...row, at: at === 0 ? null : new Date(at).toISOString() };
}

export async function diffConfiguration(
  context: Context,
  { cluster: named }: ClusterOption,
  from: number | undefined,
  to: number | undefined,
): Promise<Outcome> {
  const { answer } = await ask(context, named);
  const until = to ?? answer.revision;
  const [oldest] = answer.revisions;
  if (from === undefined && until === oldest?.revision) {
    const only = `revision ${until} is the oldest that is kept: there is none before it`;
    const none = jsonOf({ cluster: answer.cluster, from: null, to: until, changes: [] });
    return { exitCode: EXIT.held, text: only, result: none };
  }
  const since = from ?? until - 1;
  const changes = changesBetween(revisionOf(answer, since), revisionOf(answer, until));
  const text = changesText(changes) || `revisions ${since} and ${until} say the same`;
  const result = jsonOf({ cluster: answer.cluster, from: since, to: until, changes });
  return { exitCode: EXIT.held, text, result };
}

export async function setConfiguration(
  context: Context,
  assignments: readonly string[],
  options: SetOptions,
): Promise<Outcome> {
  const { unset = [], setting = [] } = options;
  if (assignments.length + unset.length + setting.length === 0) {
    throw new UsageError('nothing to set: give NAME=VALUE, --unset NAME or --setting KEY=VALUE');
  }
  const { client, answer } = await ask(context, options.cluster);
  const next = assigned(answer.configuration, assignments, unset, options);
  const document = parse(documentOf(next)) as Record<string, unknown>;
  const withAll = stringify(withSettings(document, setting, (text) => parse(text)));
  return store(client, answer, configurationIn(withAll), options);
}

export async function rollBackConfiguration(
  context: Context,
  revision: number,
  options: StoreOptions,
): Promise<Outcome> {
  const { client, answer } = await ask(context, options.cluster);
  const { comment = `back to revision ${revision}` } = options;
  return store(client, answer, revisionOf(answer, revision), { ...options, comment });
}

/**
 * Opens the present one in the editor of the person; what is saved is stored, if it changed. What
 * was written and could not be stored stays in its file, unless who wrote it gave up.
 */
export async function editConfiguration(context: Context, options: StoreOptions): Promise<Outcome> {
  const { client, answer } = await ask(context, options.cluster);
  const { cluster, revision } = answer;
  const before = `${editingHead(answer)}${documentOf(answer.configuration)}`;
  const file = await EditedFile.create(`${cluster}.yaml`);
  try {
    const stored = await editUntilTaken(before, {
      edit: (text) => file.edit(text),
      take: (text) => store(client, answer, configurationIn(text), options),
    });
    await file.remove();
    if (stored !== null) return stored;
  } catch (error) {
    const written = await file.text();
    const unwanted = error instanceof EditingGivenUpError || isBlank(written);
    if (unwanted || written === before) await file.remove();
    else context.terminal.note(`what you wrote is kept in ${file.path}`);
    throw error;
  }
  const text = 'nothing was changed';
  return {
    exitCode: EXIT.held,
    text,
    result: jsonOf({ cluster, ok: true, revision, changes: [] }),
  };
}

function editingHead({ cluster, revision }: ConfigurationAnswer): string {
  return (
    `# ${cluster}, revision ${revision}. Saved with changes it becomes the next one; saved as it is,\n` +
    '# or empty, nothing changes. Comments are not kept.\n'
  );
}

/** As the leader last heard; empty from another controller. */
async function pendingRestarts(client: ApiClient, cluster: string) {
  const { clusters } = await client.status();
  const instances = clusters.find(({ name }) => name === cluster)?.instances ?? [];
  return instances.flatMap(({ name: instance, pendingRestart }) =>
    pendingRestart.map((one) => ({ instance, ...one })),
  );
}

async function ask(context: Context, named: string | undefined) {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const answer = await client.read(API_PATHS.configuration(cluster), configurationAnswer);
  return { client, answer };
}

function revisionOf(answer: ConfigurationAnswer, wanted: number): ClusterConfiguration {
  if (wanted === answer.revision) return answer.configuration;
  const found = answer.revisions.find(({ revision }) => revision === wanted);
  if (found !== undefined) return found.configuration;
  const kept = answer.revisions.map(({ revision }) => revision).join(', ');
  throw new UsageError(`revision ${wanted} is not kept: there are ${kept}`);
}

async function store(
  client: ApiClient,
  { cluster, configuration, revision: expectedRevision }: ConfigurationAnswer,
  next: ClusterConfiguration,
  { comment = null, dryRun = false }: { comment?: string | null; dryRun?: boolean },
): Promise<Outcome> {
  const changes = changesBetween(configuration, next);
  const body = { configuration: next, expectedRevision, comment, dryRun };
  const path = API_PATHS.configuration(cluster);
  const answer = await client.order(path, jsonOf(body), configureAnswer);
  const { revision, needsRestart, unchecked } = answer;
  const result = jsonOf({ cluster, ok: true, dryRun, revision, changes, needsRestart, unchecked });
  return { exitCode: EXIT.held, text: storedText(changes, answer, dryRun), result };
}

function storedText(
  changes: readonly ConfigurationChange[],
  { satisfied, revision, needsRestart, unchecked }: ConfigureAnswer,
  dryRun: boolean,
): string {
  const said = dryRun
    ? 'this would be taken; nothing was recorded (--dry-run)'
    : satisfied === null
      ? `revision ${revision} is recorded; the agents write it now`
      : `nothing to do: ${satisfied}`;
  return [
    changesText(changes),
    said,
    changes.some(({ key, before }) => key === 'settings.synchronousMode' && before === 'off')
      ? 'an epoch that began without it goes on without it (`matriarch status` says so): `matriarch switchover` begins the next one'
      : '',
    needsRestart.length === 0 ? '' : `in force after a restart only: ${needsRestart.join(', ')}`,
    unchecked.length === 0
      ? ''
      : `not judged, their extension is not loaded: ${unchecked.join(', ')}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}
