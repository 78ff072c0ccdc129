/**
 * How far two sequences are apart.
 * @module
 */

/** Levenshtein distance of two short sequences: elements to put in, take out or replace. */
export function editDistance(a: ArrayLike<string>, b: ArrayLike<string>): number {
  const row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    // Above to the left, of the row before.
    let corner = row[0]!
    row[0] = i
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!
      row[j] = Math.min(row[j - 1]! + 1, above + 1, corner + (a[i - 1] === b[j - 1] ? 0 : 1))
      corner = above
    }
  }
  return row[b.length]!
}
