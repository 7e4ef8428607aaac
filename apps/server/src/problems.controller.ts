import { FixedDocument, Problem, problemTexts, problemType } from '#http';
import { Controller, Get, Param } from '@nestjs/common';

const explained = Object.entries(problemTexts).map(([code, text]) => ({ type: problemType(code), code, ...text }));
const all = document(explained);
const byType = new Map(explained.map((problem) => [problem.type, document(problem)]));

/** What the `type` of a problem leads to. */
@Controller('problems')
export class ProblemsController {
  @Get()
  all() {
    return all;
  }

  @Get(':name')
  one(@Param('name') name: string) {
    const problem = byType.get(`/problems/${name}`);
    if (!problem) throw new Problem('RouteNotFound');
    return problem;
  }
}

function document(body: object): FixedDocument {
  return new FixedDocument('application/json; charset=utf-8', 3600, () => JSON.stringify(body));
}
