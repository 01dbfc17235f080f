export function setupNode(version: string, folder?: string): string | undefined;
