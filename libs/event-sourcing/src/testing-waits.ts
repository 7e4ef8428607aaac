/** Waits until something holds, or fails with its name. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  milliseconds = 8_000,
): Promise<void> {
  for (const deadline = performance.now() + milliseconds; !(await holds());) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
