/** Computes the report that is stored after a heartbeat, whether a script or plain commands write it. */
import { documentText } from '../model/document-limits.js';
import type { Heartbeat } from '../model/heartbeat.js';
import { parseJsonObject } from '../model/json.js';
import { jsonEqual } from '../model/json-equality.js';
import { NOT_UTF8, parseStored, type ReadText, validText } from '../model/stored-document.js';
import { mergePatch } from '../shadow/merge-patch.js';

/**
 * Returns the text of the report after a heartbeat: the stored text itself if the new report is equal to it by value, so
 * that nothing changes.
 * @param stored the text of the stored report; empty: there is none
 * @throws DevstateError BAD_RECORD: the patch cannot be merged into the stored report; USAGE: the result is too large
 */
export function newReport({ id, patch, reportedJson = '' }: Heartbeat, stored: ReadText): string {
  if (!patch) return stored !== NOT_UTF8 && isEqual(reportedJson, stored) ? stored : reportedJson;
  const text = validText(id, 'the report', stored);
  const before = parseStored(id, 'the report', text || '{}');
  const merged = mergePatch(before, patch);
  const mergedText = documentText(merged);
  return text !== '' && jsonEqual(merged, before) ? text : mergedText;
}

/** Returns whether the stored text is a document that is equal to the new one. A broken document is equal to none. */
function isEqual(text: string, stored: string): boolean {
  try {
    return jsonEqual(parseJsonObject(text), parseJsonObject(stored));
  } catch {
    return false;
  }
}
