/** Reads what device-worker.mjs has written: the operations of devices, with their replies. */
import { readFileSync } from 'node:fs';
import type { Operation } from './log-checker.js';

/** A line that device-worker.mjs has written: an operation, and what came of it. */
type Line =
  | [
      kind: 'beat',
      id: string,
      sent: number,
      done: number,
      outcome: [at: number, expiresAt: number, wasOffline: boolean | null] | NoReply,
      ttl: number,
      mayRepeat: boolean,
    ]
  | [kind: 'disconnect', id: string, sent: number, done: number, outcome: boolean | NoReply];
type NoReply = 'unknown' | 'failed';

/** @param real turns a time of a server into real time */
export function readOperations(
  ids: readonly string[],
  file: string,
  real: (ms: number) => number,
): Map<string, Operation[]> {
  const operations = new Map(ids.map((id): [string, Operation[]] => [id, []]));
  for (const text of readFileSync(file, 'utf8').trim().split('\n')) {
    const line = JSON.parse(text) as Line;
    operations.get(line[1])?.push(operationOf(line, real));
  }
  return operations;
}

function operationOf(line: Line, real: (ms: number) => number): Operation {
  const isFailed = line[4] === 'failed';
  if (line[0] === 'disconnect') {
    const [kind, , sent, done, outcome] = line;
    return {
      kind,
      sent,
      done,
      isFailed,
      ...(typeof outcome === 'boolean' && { reply: { wasOnline: outcome } }),
    };
  }
  const [kind, , sent, done, outcome, ttl, mayRepeat] = line;
  const operation = { kind, ttl, mayRepeat, sent, done, isFailed };
  if (typeof outcome === 'string') return operation;
  const [at, expiresAt, wasOffline] = outcome;
  return { ...operation, reply: { at: real(at), expiresAt: real(expiresAt), wasOffline } };
}
