import type { Entry } from '../journal/journal.ts';
import type { Seam, UndoReport } from '../seam.ts';
export async function undoNetwork(_seam: Seam, _entry: Entry, _report: UndoReport): Promise<void> {}
