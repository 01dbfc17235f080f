/**
 * The notice that a detector gives once, when another program writes to a fleet that is declared exclusive. The
 * remedy is to declare the fleet's writers as shared.
 */
export const BYPASSED_NOTICE =
  'another program writes to this exclusive fleet, and the index lacks its changes';
