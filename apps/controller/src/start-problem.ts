import type { ControllerConfig } from '#libs/config';
import { DomainError, messageOf } from '#libs/kernel';

/** Why a controller did not start, with the code by which runbooks and docs/errors.md know it. */
export function startProblem(
  error: unknown,
  { listen, api }: Pick<ControllerConfig, 'listen' | 'api'>,
): string {
  if (error instanceof Error && 'syscall' in error && error.syscall === 'listen') {
    const where = `listen ${listen.host}:${listen.port}, api ${api.host}:${api.port}`;
    return `${error.message}: another process has the port, or the address is not of this host (${where})`;
  }
  const code = error instanceof DomainError ? `${error.code}: ` : '';
  return `${code}${messageOf(error)}`;
}
