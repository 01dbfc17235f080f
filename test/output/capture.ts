/** A view and printers that the tests of output share. */
import type { Writable } from 'node:stream';
import { createPrinter, type Printer, type PrinterOptions } from '../../src/output/printer.js';
import { createStdoutWriter } from '../../src/output/stdout-writer.js';
import { isoTimes } from '../../src/output/times.js';
import type { View } from '../../src/output/view.js';
import { CapturedStream } from '../support/streams.js';

export interface Thing {
  id: string;
  online: boolean;
  seen: number | null;
  state?: unknown;
}

export const things: View<Thing> = {
  fields: ['id', 'online', 'seen', 'state'],
  json: ({ id, online, seen, state }) => ({ id, online, seen, state: state ?? null }),
  name: ({ id }) => id,
  columns: [
    { header: 'DEVICE', cell: ({ id }) => id },
    {
      header: 'STATUS',
      cell: ({ online }) => (online ? 'online' : 'offline'),
      highlight: ({ online }) => (online ? 'good' : 'bad'),
    },
  ],
  wide: [{ header: 'LAST-SEEN', cell: ({ seen }, times) => times.ago(seen) }],
  emptyNotice: 'no things',
};

export function printing({
  stdout: stream,
  ...options
}: Partial<PrinterOptions> & { stdout?: Writable } = {}): {
  print: Printer;
  stdout: CapturedStream;
  stderr: CapturedStream;
} {
  const stdout = new CapturedStream();
  const stderr = new CapturedStream();
  const print = createPrinter({
    format: 'table',
    headers: true,
    color: false,
    signal: new AbortController().signal,
    quiet: false,
    times: isoTimes(),
    output: createStdoutWriter(stream ?? stdout),
    isTerminal: false,
    hasEffects: false,
    stderr,
    ...options,
  });
  return { print, stdout, stderr };
}
