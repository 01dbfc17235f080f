export function assemble(file: string): string;
export const lua: { name: string; load(id: string): { code: string; moduleType: 'js' } | null };
