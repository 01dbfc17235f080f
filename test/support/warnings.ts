/** The warnings that Node gives (`process.emitWarning`) while some work runs. */
import { setImmediate as turn } from 'node:timers/promises';

/** Returns the names of the warnings. */
export async function warningsDuring(work: () => Promise<void>): Promise<string[]> {
  const names: string[] = [];
  const add = ({ name }: Error) => void names.push(name);
  process.on('warning', add);
  try {
    await work();
    await turn(); // a warning is emitted in the next turn of the event loop
    return names;
  } finally {
    process.off('warning', add);
  }
}
