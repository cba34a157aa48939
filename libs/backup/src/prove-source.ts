import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, messageOf } from '#libs/kernel';
import { dataPlacesOf } from '#libs/postgres-run';
import { type Admission, askAdmission, sendersFor } from './ask-admission.ts';
import { directoryBytes } from './directory-size.ts';
import { failedPreflight, judgePreflight, type Preflight } from './preflight.ts';
import type { RebuildTool, SourceRequest } from './rebuild-tool.ts';

const NO_SERVER: Admission = { checks: [], keptFrom: null };

/** Asks a tool's source, the primary and the disk; changes nothing, and never throws for what it finds. */
export async function proveSource(
  tool: RebuildTool,
  request: SourceRequest,
  bandwidthBytesPerSecond: number | null,
): Promise<Preflight> {
  try {
    const { dataDirectory, server, installation } = request;
    const [facts, freeBytes, presentBytes, admission] = await Promise.all([
      tool.inspect(request),
      freeBytesAt(dataDirectory),
      presentBytesOf(dataDirectory),
      server === null ? NO_SERVER : askAdmission(server, sendersFor(server, tool.capabilities)),
    ]);
    return judgePreflight({
      method: tool.name,
      capabilities: tool.capabilities,
      facts,
      expected: request.expected,
      major: installation.version.major,
      freeBytes,
      presentBytes,
      admission: admission.checks,
      keptFrom: admission.keptFrom,
      bandwidthBytesPerSecond,
    });
  } catch (error) {
    return failedPreflight(tool.name, messageOf(error));
  }
}

async function freeBytesAt(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return freeBytesAt(dirname(directory));
  }
}

async function presentBytesOf(dataDirectory: string): Promise<number> {
  const { walDirectory, tablespaces } = dataPlacesOf(dataDirectory);
  const linked = [walDirectory, ...tablespaces.map(({ location }) => location)];
  const places = [dataDirectory, ...linked.filter((place) => place !== null)];
  const sizes = await Promise.all(places.map(directoryBytes));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
