/**
 * Attempts of an operation that the server executes after it has executed another attempt, or after the call has ended.
 *
 * - A heartbeat without a report may be sent again before its earlier attempt is over. The earlier one may be executed
 *   last, until the end of the request timeout.
 * - A request has a time limit by the server's clock. If the clock is set back, the limit comes later, and the server
 *   executes what was still on its way to it.
 */
import type { Operation } from './log-checker.js';
import { type ClockStep, overlaps, REQUEST_TIMEOUT_MS } from './times.js';

/** A request arrives at most so long after the end of its call, ms: the server may be stopped for so long. */
const ON_THE_WAY_MS = 8000;

/**
 * Inserts each late attempt as an operation without an answer: after the operation itself, and after each later operation
 * of the device that was sent before the attempt may no longer be executed.
 */
export function withLateAttempts(operations: readonly Operation[], steps: readonly ClockStep[]): Operation[] {
  const late = operations.flatMap((operation) => lateAttempt(operation, steps) ?? []);
  return operations.flatMap((operation) => [
    operation,
    ...late.filter((attempt) => operation.sent >= attempt.sent && operation.sent <= attempt.done),
  ]);
}

function lateAttempt(operation: Operation, steps: readonly ClockStep[]): Operation | undefined {
  const { reply, ...unanswered } = operation;
  const { sent, done, isFailed } = operation;
  const isRepeated = reply && 'wasOffline' in reply && reply.wasOffline === null;
  if (isFailed || (reply && !isRepeated)) return undefined;
  const arrived = done + ON_THE_WAY_MS;
  const isSetBack = steps.some(({ byMs, at }) => byMs < 0 && overlaps(at, sent, arrived));
  if (isSetBack) return { ...unanswered, done: arrived };
  return isRepeated ? { ...unanswered, done: sent + REQUEST_TIMEOUT_MS } : undefined;
}
