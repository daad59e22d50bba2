// SPDX-License-Identifier: Apache-2.0
// Reading a workflow file: what the codec cannot see, a reader of the file must be told with its
// line before any change runs on it.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "base/jq.hpp"
#include "base/yaml.hpp"
#include "domain/workflow/form_values.hpp"
#include "domain/workflow/workflow.hpp"

namespace slipway::domain {

namespace {

constexpr std::array<std::string_view, 6> dates{"opened_at",    "submitted_at", "meeting_at",
                                                "window_start", "window_end",   "deployed_at"};

// The number of single edits between two words, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        auto diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const auto above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0u : 1u)});
            diagonal = above;
        }
    }
    return row.back();
}

// The value at a path that the codec wrote, such as "phases[0].steps[2].kind".
const Json* value_at(const Json& document, std::string_view path) {
    const Json* value = &document;
    while (!path.empty() && value != nullptr) {
        if (path.front() == '.')
            path.remove_prefix(1);
        if (path.front() == '[') {
            const auto end = path.find(']');
            const auto index =
                std::strtoul(std::string(path.substr(1, end - 1)).c_str(), nullptr, 10);
            const auto* array = value->if_array();
            value = array != nullptr ? array->if_contains(index) : nullptr;
            path.remove_prefix(end + 1);
        } else {
            const auto name = path.substr(0, path.find_first_of(".["));
            value = find(*value, name);
            path.remove_prefix(name.size());
        }
    }
    return value;
}

// Adds the nearest word to "expected one of: a, b, c".
void suggest(const Json& document, FieldError& error) {
    constexpr std::string_view lead = "expected one of: ";
    if (!error.message.starts_with(lead))
        return;
    const auto* given = value_at(document, error.field);
    if (given == nullptr || !given->is_string() || given->get_string().size() > 64)
        return;
    std::string_view rest = std::string_view(error.message).substr(lead.size());
    std::string best;
    auto best_distance = std::string_view::npos;
    while (!rest.empty()) {
        const auto word = rest.substr(0, rest.find(", "));
        if (const auto far = distance(view(given->get_string()), word); far < best_distance) {
            best = word;
            best_distance = far;
        }
        rest.remove_prefix(std::min(word.size() + 2, rest.size()));
    }
    error.message += fmt::format("; {} is none of them, the nearest is {}", to_text(*given), best);
}

bool is_field_name(std::string_view name) {
    return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
               std::string_view::npos;
}

std::string nearest_step(const Workflow& workflow, std::string_view id) {
    std::string best;
    auto best_distance = std::string_view::npos;
    for (const auto* step : steps_of(workflow))
        if (const auto far = distance(id, step->id.value); far < best_distance) {
            best = step->id.value;
            best_distance = far;
        }
    return best;
}

// Takes a plain name of jq, with the `?` that may follow it.
std::string_view take_name(std::string_view& text) {
    constexpr std::string_view letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const auto name = text.substr(0, text.find_first_not_of(letters));
    text.remove_prefix(name.size());
    if (text.starts_with('?'))
        text.remove_prefix(1);
    return name;
}

// What is wrong with the step or field that stands behind ".fields."; empty: nothing that is seen.
std::string doubt_about(const Workflow& workflow, std::string_view rest) {
    const auto id = take_name(rest);
    if (id.empty())
        return {};
    const auto* step = find_step(workflow, id);
    if (step == nullptr)
        return fmt::format(
            "no step is called {}, so .fields.{} is always null; the nearest is {}", id, id,
            nearest_step(workflow, id)
        );
    if (!rest.starts_with('.'))
        return {};
    rest.remove_prefix(1);
    const auto name = take_name(rest);
    if (name.empty() || find_field(*step, name) != nullptr)
        return {};
    std::string names;
    for (const auto& spec : step->form)
        names += (names.empty() ? "" : ", ") + spec.name;
    return fmt::format(
        "step {} has no field {}, so .fields.{}.{} is always null; its fields are: {}", id, name,
        id, name, names.empty() ? "none" : names
    );
}

class Checker {
  public:
    explicit Checker(const Workflow& workflow) : workflow_(workflow) {}

    std::vector<FieldError> check() {
        check_head();
        for (std::size_t p = 0; p < workflow_.phases.size(); ++p)
            check_phase(workflow_.phases[p], fmt::format("phases[{}]", p));
        check_cycles();
        return std::move(errors_);
    }

  private:
    void add(std::string field, std::string message) {
        if (errors_.size() < limits::list_max)
            errors_.push_back({std::move(field), std::move(message)});
    }

    void check_head() {
        if (!is_slug(workflow_.name))
            add("name", "expected letters, digits, '.', '_' or '-', beginning with a letter");
        if (workflow_.version == 0)
            add("version", "expected a whole number from 1");
        if (workflow_.digest != Digest{})
            add("digest", "is computed from the file's bytes and cannot be given");
        if (workflow_.phases.empty())
            add("phases", "a workflow has at least one phase");
        std::size_t count = 0;
        for (const auto& phase : workflow_.phases)
            count += phase.steps.size();
        if (count > limits::workflow_steps_max)
            add("phases",
                fmt::format("has {} steps, the limit is {}", count, limits::workflow_steps_max));
    }

    void check_phase(const Phase& phase, const std::string& path) {
        if (!is_slug(phase.id))
            add(path + ".id", "expected an id of letters, digits, '.', '_' or '-'");
        if (!phases_.insert(phase.id).second)
            add(path + ".id", fmt::format("duplicate phase id: {}", phase.id));
        if (phase.steps.empty())
            add(path + ".steps", "a phase has at least one step");
        for (std::size_t s = 0; s < phase.steps.size(); ++s)
            check_step(phase.steps[s], fmt::format("{}.steps[{}]", path, s));
    }

    void check_step(const Step& step, const std::string& path) {
        if (!paths_.emplace(step.id.value, path).second)
            add(path + ".id", fmt::format("duplicate step id: {}", step.id.value));
        std::set<std::string> names;
        for (std::size_t f = 0; f < step.form.size(); ++f) {
            const auto field = fmt::format("{}.fields[{}]", path, f);
            if (!names.insert(step.form[f].name).second)
                add(field + ".name", fmt::format("duplicate field name: {}", step.form[f].name));
            check_field(step.form[f], field);
        }
        check_types(step, path);
        check_due(step, path);
        if (!step.when.empty())
            if (auto compiled = JqProgram::compile(step.when); !compiled)
                add(path + ".when", compiled.error().message);
        for (std::size_t a = 0; a < step.after.size(); ++a) {
            const auto& other = step.after[a];
            const auto field = fmt::format("{}.after[{}]", path, a);
            if (other == step.id)
                add(field, "a step cannot come after itself");
            else if (find_step(workflow_, other.value) == nullptr)
                add(field, unknown_step(other.value));
        }
    }

    std::string unknown_step(std::string_view id) const {
        return fmt::format("unknown step: {}; the nearest is {}", id, nearest_step(workflow_, id));
    }

    void check_field(const FieldSpec& spec, const std::string& path) {
        if (!is_field_name(spec.name))
            add(path + ".name",
                "expected a name of a to z, 0 to 9 and '_', beginning with a letter");
        const bool chooses = spec.type == FieldType::list || spec.type == FieldType::multi_list;
        if (chooses && spec.options.empty())
            add(path + ".options", fmt::format("a {} needs options", to_text(spec.type)));
        if (!chooses && !spec.options.empty())
            add(path + ".options", "only a list or multi_list has options");
        for (std::size_t o = 0; o < spec.options.size(); ++o) {
            const auto here = spec.options.begin() + static_cast<std::ptrdiff_t>(o);
            if (here->empty())
                add(fmt::format("{}.options[{}]", path, o), "an option must not be empty");
            if (std::find(spec.options.begin(), here, *here) != here)
                add(fmt::format("{}.options[{}]", path, o),
                    fmt::format("duplicate option: {}", *here));
        }
        check_field_bounds(spec, path);
        if (auto finding = check_value(spec, spec.default_value))
            add(path + ".default", *finding);
    }

    void check_field_bounds(const FieldSpec& spec, const std::string& path) {
        const bool text = spec.type == FieldType::text || spec.type == FieldType::paragraph;
        const bool bounded =
            text || spec.type == FieldType::number || spec.type == FieldType::multi_list;
        for (const auto& [name, bound] :
             {std::pair{".min", spec.min}, std::pair{".max", spec.max}}) {
            if (bound && !bounded)
                add(path + name, fmt::format("a {} has no bounds", to_text(spec.type)));
            else if (bound && spec.type != FieldType::number && *bound < 0)
                add(path + name, "must not be negative");
            else if (bound && text && *bound > static_cast<double>(length_max(spec.type)))
                add(path + name,
                    fmt::format(
                        "the limit of a {} is {} bytes", to_text(spec.type), length_max(spec.type)
                    ));
        }
        if (spec.min && spec.max && *spec.min > *spec.max)
            add(path + ".min", "is greater than max");
    }

    void check_types(const Step& step, const std::string& path) {
        const auto check_list = [&](const std::vector<ChangeType>& types, std::string_view name) {
            for (std::size_t t = 0; t < types.size(); ++t) {
                const auto field = fmt::format("{}.{}[{}]", path, name, t);
                const auto here = types.begin() + static_cast<std::ptrdiff_t>(t);
                if (*here == ChangeType::unclassified)
                    add(field, "expected one of: standard, normal, emergency");
                if (std::find(types.begin(), here, *here) != here)
                    add(field, fmt::format("duplicate type: {}", to_text(*here)));
                if (name == "postpone" && !applies_to(step, *here))
                    add(field, fmt::format("the step does not apply to {}", to_text(*here)));
            }
        };
        check_list(step.types, "types");
        check_list(step.postpone, "postpone");
        if (step.owed_within && step.postpone.empty())
            add(path + ".owed_within", "only a step with postpone can be owed");
        if (!step.postpone.empty() && !step.owed_within)
            add(path + ".owed_within", "is required: a postponed step must be done in time");
    }

    void check_due(const Step& step, const std::string& path) {
        if (step.due) {
            if (auto finding = date_finding(step, step.due->relative_to); !finding.empty())
                add(path + ".due.relative_to", finding);
            if (!step.due->offset.empty())
                if (auto offset = offset_from_text(step.due->offset); !offset)
                    add(path + ".due.offset", offset.error().message + ", with + or - before it");
        }
        if (!step.reminders.empty() && !step.due)
            add(path + ".reminders", "reminders need a due rule");
        for (std::size_t r = 0; r < step.reminders.size(); ++r) {
            const auto field = fmt::format("{}.reminders[{}]", path, r);
            const auto here = step.reminders.begin() + static_cast<std::ptrdiff_t>(r);
            if (*here <= Span::zero() || *here > limits::workflow_reminder_longest)
                add(field, fmt::format(
                               "a reminder comes more than 0 and at most {} before",
                               to_text(Span(limits::workflow_reminder_longest))
                           ));
            if (std::find(step.reminders.begin(), here, *here) != here)
                add(field, fmt::format("duplicate reminder: {}", to_text(*here)));
        }
    }

    std::string date_finding(const Step& step, std::string_view name) const {
        if (std::find(dates.begin(), dates.end(), name) != dates.end())
            return {};
        if (name.starts_with("step:")) {
            name.remove_prefix(5);
            if (name == step.id.value)
                return "a step cannot be due relative to itself";
            return find_step(workflow_, name) != nullptr ? std::string{} : unknown_step(name);
        }
        if (name.starts_with("field:")) {
            name.remove_prefix(6);
            const auto dot = name.find('.');
            const auto* other = find_step(workflow_, name.substr(0, dot));
            if (other == nullptr)
                return unknown_step(name.substr(0, dot));
            const auto* field =
                dot == std::string_view::npos ? nullptr : find_field(*other, name.substr(dot + 1));
            if (field == nullptr || field->type != FieldType::datetime)
                return fmt::format("{} is not a datetime field of a step", name);
            return {};
        }
        return fmt::format(
            "expected one of: {}, step:<id>, field:<step>.<name>", fmt::join(dates, ", ")
        );
    }

    // The steps that must be done before a step can be due or done.
    static std::vector<std::string> needs(const Step& step) {
        std::vector<std::string> ids;
        for (const auto& other : step.after)
            ids.push_back(other.value);
        if (step.due && step.due->relative_to.starts_with("step:"))
            ids.push_back(step.due->relative_to.substr(5));
        if (step.due && step.due->relative_to.starts_with("field:")) {
            const auto name = step.due->relative_to.substr(6);
            // A due date may stand in a field of the step itself.
            if (auto other = name.substr(0, name.find('.')); other != step.id.value)
                ids.push_back(std::move(other));
        }
        return ids;
    }

    // Takes away steps that need nothing that is left; what remains needs itself in the end.
    void check_cycles() {
        std::map<std::string, std::vector<std::string>> left;
        for (const auto* step : steps_of(workflow_))
            left.emplace(step->id.value, needs(*step));
        bool moved = true;
        while (moved) {
            moved = false;
            for (auto at = left.begin(); at != left.end();) {
                const bool free =
                    std::none_of(at->second.begin(), at->second.end(), [&](const std::string& id) {
                        return id != at->first && left.contains(id);
                    });
                moved = moved || free;
                at = free ? left.erase(at) : std::next(at);
            }
        }
        if (left.empty())
            return;
        // Following needs from any step that is left ends in the cycle.
        std::vector<std::string> walk;
        auto id = left.begin()->first;
        while (std::find(walk.begin(), walk.end(), id) == walk.end()) {
            walk.push_back(id);
            const auto& next = left.at(id);
            id = *std::find_if(next.begin(), next.end(), [&](const std::string& other) {
                return other != id && left.contains(other);
            });
        }
        walk.erase(walk.begin(), std::find(walk.begin(), walk.end(), id));
        walk.push_back(id);
        add(paths_[id] + ".after",
            fmt::format("a cycle of after and due: {}", fmt::join(walk, " needs ")));
    }

    const Workflow& workflow_;
    std::vector<FieldError> errors_;
    std::set<std::string> phases_;
    std::map<std::string, std::string> paths_; // of each step
};

void add_doubts(
    const Workflow& workflow, const Step& step, const std::string& path,
    std::vector<FieldError>& doubts
) {
    constexpr std::string_view fields = ".fields.";
    const std::string_view when = step.when;
    for (auto at = when.find(fields); at != std::string_view::npos;
         at = when.find(fields, at + fields.size()))
        if (auto doubt = doubt_about(workflow, when.substr(at + fields.size())); !doubt.empty())
            doubts.push_back({path + ".when", std::move(doubt)});
    if (step.kind == StepKind::closure && find_step(workflow, StepKind::closure) != &step)
        doubts.push_back(
            {path + ".kind", "another step closes the change before it, so this one stays open"}
        );
    for (std::size_t f = 0; f < step.form.size(); ++f) {
        const auto& spec = step.form[f];
        if (spec.type == FieldType::multi_list && spec.min &&
            *spec.min > static_cast<double>(spec.options.size()))
            doubts.push_back(
                {fmt::format("{}.fields[{}].min", path, f),
                 fmt::format(
                     "there are only {} options, so it cannot be filled in", spec.options.size()
                 )}
            );
    }
}

} // namespace

Result<Workflow> read_workflow(std::string_view yaml, std::string_view file) {
    const auto document = TRY(parse_yaml(yaml, file));
    auto workflow = decode<Workflow>(document.value);
    if (!workflow) {
        auto error = std::move(workflow).error();
        for (auto& finding : error.fields)
            suggest(document.value, finding);
        return tl::unexpected(place_errors(document, std::move(error)));
    }
    if (auto errors = Checker(*workflow).check(); !errors.empty())
        return tl::unexpected(place_errors(document, codec::invalid(std::move(errors))));
    workflow->digest = sha256(yaml);
    return workflow;
}

std::vector<FieldError> doubts_about(const Workflow& workflow) {
    std::vector<FieldError> doubts;
    for (std::size_t p = 0; p < workflow.phases.size(); ++p)
        for (std::size_t s = 0; s < workflow.phases[p].steps.size(); ++s)
            add_doubts(
                workflow, workflow.phases[p].steps[s], fmt::format("phases[{}].steps[{}]", p, s),
                doubts
            );
    return doubts;
}

} // namespace slipway::domain
