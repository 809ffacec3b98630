/** Imported first by every page of scorecards: their words. */
import scores from "../../messages/en-scores.json";
import { learn } from "../../lib/messages";

learn(scores);
