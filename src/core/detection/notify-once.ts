/**
 * The most messages that are remembered as passed on. At one more, all are forgotten, so that memory stays bounded; a
 * message may then be passed on a second time.
 */
const MAX_REMEMBERED = 1000;

/**
 * Returns a function that passes each different message to `notice` once: a device with a broken record is
 * settled again and again, and gives an equal message each time.
 */
export function notifyOnce(notice: (message: string) => void): (message: string) => void {
  const notified = new Set<string>();
  return (message) => {
    if (notified.has(message)) return;
    if (notified.size === MAX_REMEMBERED) notified.clear();
    notified.add(message);
    notice(message);
  };
}
