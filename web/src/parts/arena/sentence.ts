/** The status line: where the round stands, in one sentence. */
import { type RoundView, SIDES } from "../../lib/api";
import { live } from "../../lib/live.svelte";
import { t } from "../../lib/messages";

export function sentence(view: RoundView): string {
  if (view.state === "voted" && view.vote) return t(`after.choice.${view.vote.choice}`);
  if (view.state === "revealed" && view.reveal) return t("reveal.status", { a: view.reveal.a.name, b: view.reveal.b.name });
  if (view.state === "retracted") return t("over.retracted.title");
  if (view.state === "abandoned") return t("over.abandoned.title");
  const turn = view.turns.at(-1);
  if (!turn) return "";
  const sides = (...states: string[]) => SIDES.filter((side) => states.includes(turn[side].state)).map((side) => t(`side.${side}`));
  const busy = sides("waiting", "writing");
  const failed = sides("failed");
  const hanging = SIDES.filter((side) => turn[side].hanging && turn[side].state !== "finished" && turn[side].state !== "failed");
  if (sides("waiting").length === 2) return t("battle.status.asked");
  if (hanging.length === 1) return t("battle.status.hanging", { side: t(`side.${hanging[0] === "a" ? "a" : "b"}`) });
  if (busy.length === 2) return t("battle.status.both_writing");
  if (busy.length === 1) return failed.length ? t("battle.status.writing_failed", { side: busy[0] ?? "", failed: failed[0] ?? "" }) : t("battle.status.writing", { side: busy[0] ?? "" });
  if (failed.length === 2) return t("battle.status.both_failed");
  if (failed.length === 1) return t(live.field?.policy.count_failed_side ? "battle.status.failed_counted" : "battle.status.failed", { side: failed[0] ?? "" });
  return t("battle.status.ready");
}
