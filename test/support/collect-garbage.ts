/** Garbage collections, which Node runs when it likes, at moments that a test chooses. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects garbage every 10 ms while the work is pending, and returns its result. */
export async function withGarbageCollections<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(collect, 10);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Collects garbage, and returns the bytes of the heap that are in use then. */
export function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
