import type { Entry } from '../journal/journal.ts';
import type { Seam, UndoReport } from '../seam.ts';
export async function undoTree(_seam: Seam, _entry: Entry, _at: string, _report: UndoReport): Promise<void> {}
