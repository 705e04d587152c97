/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How flat real tuning files make a flat field at colour temperatures between their tables. */
#include "tests/harness/test.h"
#include "tests/tuning/shared.h"

#include "isp/auto/auto.h"

#include <math.h>

#define DEGREE_MAX 10
#define TERMS_MAX  66 /* x^i y^j, sorted by i + j */
#define LENS       28 /* of them up to degree 6: no lens is less smooth */
#define GRID       49 /* points a side that are looked at, edges included */

static struct sisp_tuning tuning;

/* ---- a smooth field ---------------------------------------------------------------------------
 * The shading itself: the exponential of a polynomial, fitted to the logarithm of a
 * table by least squares. It knows nothing of knots, and follows none of the table's noise. */

struct field {
    int count;
    double terms[TERMS_MAX];
};

static void basis(double x, double y, double out[TERMS_MAX])
{
    double u[DEGREE_MAX + 1] = {1}, v[DEGREE_MAX + 1] = {1};
    int n = 0;
    for (int i = 1; i <= DEGREE_MAX; i++) {
        u[i] = u[i - 1] * (2 * x - 1);
        v[i] = v[i - 1] * (2 * y - 1);
    }
    for (int degree = 0; degree <= DEGREE_MAX; degree++) {
        for (int i = 0; i <= degree; i++)
            out[n++] = u[i] * v[degree - i];
    }
}

static void solve(int n, double a[TERMS_MAX][TERMS_MAX + 1], double out[TERMS_MAX])
{
    for (int i = 0; i < n; i++) {
        int best = i;
        for (int k = i + 1; k < n; k++)
            best = fabs(a[k][i]) > fabs(a[best][i]) ? k : best;
        for (int j = 0; j <= n; j++) {
            double swap = a[i][j];
            a[i][j] = a[best][j];
            a[best][j] = swap;
        }
        for (int k = i + 1; k < n; k++) {
            double factor = a[k][i] / a[i][i];
            for (int j = i; j <= n; j++)
                a[k][j] -= factor * a[i][j];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        out[i] = a[i][n];
        for (int j = i + 1; j < n; j++)
            out[i] -= a[i][j] * out[j];
        out[i] /= a[i][i];
    }
}

/* Values over the frame, row by row: the outer ones `rim` inside its edges, as a share of the
 * distance from one to the next. */
struct table {
    uint32_t cols, rows;
    double rim;
    const float *values;
};

static void place(const struct table *t, uint32_t k, double *x, double *y)
{
    *x = (k % t->cols + t->rim) / (t->cols - 1 + 2 * t->rim);
    *y = (k / t->cols + t->rim) / (t->rows - 1 + 2 * t->rim); /* NOLINT */
}

static struct field fit_table(const struct table *table, int count)
{
    static double a[TERMS_MAX][TERMS_MAX + 1];
    struct field field = {.count = count};
    double b[TERMS_MAX], x, y;
    memset(a, 0, sizeof(a));
    for (uint32_t k = 0; k < table->cols * table->rows; k++) {
        place(table, k, &x, &y);
        basis(x, y, b);
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < count; j++)
                a[i][j] += b[i] * b[j];
            a[i][count] += b[i] * log((double)table->values[k]);
        }
    }
    solve(count, a, field.terms);
    return field;
}

/* Of the knots that a table has become. */
static struct field fit(const float *values, int count)
{
    const struct sisp_tuning_shading *s = &tuning.shading;
    return fit_table(&(struct table){s->cols, s->rows, 0, values}, count);
}

static double log_gain(const struct field *field, const double b[TERMS_MAX])
{
    double sum = 0;
    for (int i = 0; i < field->count; i++)
        sum += field->terms[i] * b[i];
    return sum;
}

/* ---- how flat it becomes -----------------------------------------------------------------------
 */

/* As the fast path reads a mesh: bilinear between knots. */
static double mesh_gain(const struct sisp_lsc_mesh *mesh, int site, double x, double y)
{
    double u = (x - (double)mesh->origin_x) / (double)mesh->step_x;
    double v = (y - (double)mesh->origin_y) / (double)mesh->step_y;
    uint32_t i = (uint32_t)fmin(fmax(u, 0), mesh->cols - 2);
    uint32_t j = (uint32_t)fmin(fmax(v, 0), mesh->rows - 2);
    const float *g = &mesh->gain[site][j * mesh->cols + i];
    double s = fmin(u - i, 1), t = fmin(v - j, 1);
    return (1 - t) * ((1 - s) * (double)g[0] + s * (double)g[1]) +
           t * ((1 - s) * (double)g[mesh->cols] + s * (double)g[mesh->cols + 1]);
}

struct flatness {
    double luminance, red, blue; /* largest deviation from the mean, relative */
    double luminance_rms, red_rms, blue_rms;
};

struct spread {
    double sum, squares, min, max;
};

static void add(struct spread *spread, double log_value)
{
    spread->sum += log_value;
    spread->squares += log_value * log_value;
    spread->min = fmin(spread->min, log_value);
    spread->max = fmax(spread->max, log_value);
}

static double largest(const struct spread *s)
{
    double mean = s->sum / (GRID * GRID);
    return fmax(exp(s->max - mean) - 1, 1 - exp(s->min - mean));
}

static double rms(const struct spread *s)
{
    double mean = s->sum / (GRID * GRID);
    return sqrt(fmax(s->squares / (GRID * GRID) - mean * mean, 0));
}

/* The fields' gains at weight `t` between two temperatures, against the mesh that the ISP makes. */
static struct flatness measure(const struct field *luminance, const struct field red[2],
    const struct field blue[2], double t, double kelvin)
{
    static struct sisp_lsc_mesh mesh;
    struct sisp_raw_info info = {.width = 1000, .height = 800, .crop = {0, 0, 1000, 800}};
    struct spread green = {.min = 1e9, .max = -1e9}, r = green, b = green;
    double terms[TERMS_MAX];
    CHECK(isp_tuning_mesh(&tuning, &info, kelvin, &mesh));
    for (int i = 0; i < GRID * GRID; i++) {
        double x = i % GRID / (GRID - 1.0), y = i / GRID / (GRID - 1.0); /* NOLINT */
        basis(x, y, terms);
        double of_green = log(mesh_gain(&mesh, SISP_SITE_GR, x, y));
        add(&green, of_green - log_gain(luminance, terms));
        double want_red = (1 - t) * log_gain(&red[0], terms) + t * log_gain(&red[1], terms);
        double want_blue = (1 - t) * log_gain(&blue[0], terms) + t * log_gain(&blue[1], terms);
        add(&r, log(mesh_gain(&mesh, SISP_SITE_R, x, y)) - of_green - want_red);
        add(&b, log(mesh_gain(&mesh, SISP_SITE_B, x, y)) - of_green - want_blue);
    }
    return (struct flatness){
        largest(&green), largest(&r), largest(&b), rms(&green), rms(&r), rms(&b)};
}

static void note_worst(struct flatness *worst, struct flatness one)
{
    double *w = &worst->luminance;
    const double *o = &one.luminance;
    for (int i = 0; i < 6; i++)
        w[i] = fmax(w[i], o[i]);
}

/* The lens of a file: fields at its tables' temperatures. */
struct lens {
    uint32_t cols, rows; /* of the file's tables */
    struct field luminance, red[SISP_TUNING_TABLES_MAX], blue[SISP_TUNING_TABLES_MAX];
};

static void fit_lens(struct lens *lens, int count)
{
    const struct sisp_tuning_shading *s = &tuning.shading;
    lens->cols = s->rows == 33 ? 32 : 16;
    lens->rows = s->rows == 33 ? 32 : 12;
    lens->luminance = fit(s->luminance, count);
    for (uint32_t i = 0; i < s->count; i++) {
        lens->red[i] = fit(s->tables[i].red, count);
        lens->blue[i] = fit(s->tables[i].blue, count);
    }
}

/* At quarters of the way, in reciprocal temperature, from each table to the next. */
static struct flatness worst_between_tables(const struct lens *lens)
{
    const struct sisp_tuning_shading *s = &tuning.shading;
    struct flatness worst = {0};
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t next = i + 1 < s->count ? i + 1 : i;
        const struct field red[2] = {lens->red[i], lens->red[next]};
        const struct field blue[2] = {lens->blue[i], lens->blue[next]};
        double low = 1 / (double)s->tables[i].kelvin, high = 1 / (double)s->tables[next].kelvin;
        for (double t = 0.25; t < 1; t += 0.25)
            note_worst(
                &worst, measure(&lens->luminance, red, blue, t, 1 / ((1 - t) * low + t * high)));
    }
    return worst;
}

static void report(const char *name, const char *what, const struct flatness *f)
{
    printf("%-16s %-10s luminance %.2f %% (rms %.2f), red %.2f (%.2f), blue %.2f (%.2f)\n", name,
        what, 100 * f->luminance, 100 * f->luminance_rms, 100 * f->red, 100 * f->red_rms,
        100 * f->blue, 100 * f->blue_rms);
}

static bool load(unsigned index)
{
    char path[PATH_MAX], error[512];
    CHECK(shared_tuning(path, shared_tunings[index]));
    CHECK_EQ(sisp_tuning_load(&tuning, path, error, sizeof(error)), 0);
    tuning.shading.strength = 1;
    return isp_tuning_has(&tuning, SISP_TUNING_SHADING);
}

static bool is_shared(void)
{
    char path[PATH_MAX];
    return shared_tuning(path, shared_tunings[0]);
}

/* ---- a lens calibrated ------------------------------------------------------------------------
 */

/* What a calibration would write of that field: means over cells, with three digits. */
static void write_table(FILE *out, const struct lens *lens, const struct field *field)
{
    double b[TERMS_MAX];
    for (uint32_t k = 0; k < lens->cols * lens->rows; k++) {
        double sum = 0;
        for (unsigned i = 0; i < 16; i++) {
            basis((k % lens->cols + (i % 4 + 0.5) / 4) / lens->cols,
                (k / lens->cols + (i / 4 + 0.5) / 4) / lens->rows, b); /* NOLINT */
            sum += exp(log_gain(field, b));
        }
        fprintf(out, "%s%.3f", k ? ", " : "[", sum / 16);
    }
    fprintf(out, "]");
}

static bool calibrate(const struct lens *lens)
{
    static struct sisp_tuning old;
    char *text = NULL, error[512];
    size_t size_bytes;
    old = tuning;
    FILE *out = open_memstream(&text, &size_bytes);
    if (!out)
        return false;
    fprintf(out, "{\"rpi.alsc\": {\"luminance_lut\": ");
    write_table(out, lens, &lens->luminance);
    for (int c = 0; c < 2; c++) {
        fprintf(out, ", \"calibrations_%s\": [", c ? "Cb" : "Cr");
        for (uint32_t i = 0; i < old.shading.count; i++) {
            fprintf(out, "{\"ct\": %g, \"table\": ", (double)old.shading.tables[i].kelvin);
            write_table(out, lens, c ? &lens->blue[i] : &lens->red[i]);
            fprintf(out, "}, ");
        }
        fprintf(out, "]");
    }
    fprintf(out, "}}");
    fclose(out);
    int r = sisp_tuning_read(&tuning, "calibrated", text, size_bytes, error, sizeof(error));
    free(text);
    return r == 0;
}

TEST(a_calibrated_lens_is_flat_between_its_tables)
{
    static struct lens lens;
    unsigned files = 0;
    if (!is_shared())
        SKIP("no shared data");
    for (unsigned i = 0; i < SHARED_TUNINGS; i++) {
        if (!load(i))
            continue;
        fit_lens(&lens, LENS);
        CHECK(calibrate(&lens));
        struct flatness f = worst_between_tables(&lens);
        report(shared_tunings[i], "calibrated", &f);
        CHECK(f.luminance <= 0.02);
        CHECK(f.red <= 0.02 && f.blue <= 0.02);
        files++;
    }
    CHECK_EQ(files, 16);
}

/* ---- the files' own tables ----------------------------------------------------------------------
 */

/* Luminance tables hold up to 3.7 % of what no smooth field has (noise, kinks, filtered corners):
 * there the deviation is that of the file, and only its mean square is held. */
TEST(the_files_tables_are_flat_against_a_smooth_field)
{
    static struct lens lens;
    if (!is_shared())
        SKIP("no shared data");
    for (unsigned i = 0; i < SHARED_TUNINGS; i++) {
        if (!load(i))
            continue;
        fit_lens(&lens, TERMS_MAX);
        struct flatness f = worst_between_tables(&lens);
        report(shared_tunings[i], "as it is", &f);
        CHECK(f.luminance_rms <= 0.015);
        CHECK(f.red <= 0.02 && f.blue <= 0.02);
    }
}

/* The numbers of "luminance_lut" as they stand in the file, means over cells. */
static struct table cells_of_file(unsigned index)
{
    static float cells[1024];
    static char text[1 << 18];
    char path[PATH_MAX];
    uint32_t count = 0;
    CHECK(shared_tuning(path, shared_tunings[index]));
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
    const char *at = strstr(text, "luminance_lut"), *list = at ? strchr(at, '[') : NULL;
    for (char *end; list && count < 1024 && *list != ']'; list = end) {
        cells[count++] = strtof(list + 1, &end);
        end += strspn(end, " \n\t");
    }
    bool is_small = count == 192;
    CHECK(is_small || count == 1024);
    return (struct table){is_small ? 16 : 32, is_small ? 12 : 32, 0.5, cells};
}

/* What a table deviates from a smooth lens at its own cells is the file's: no reading of it can be
 * flatter there. From the middles of the outer cells inwards the mesh adds less than 2 %; beyond
 * them no table says anything, and the field is the polynomial's own. */
TEST(meshes_are_as_flat_as_the_tables_themselves)
{
    static struct sisp_lsc_mesh mesh;
    struct sisp_raw_info info = {.width = 1000, .height = 800, .crop = {0, 0, 1000, 800}};
    double terms[TERMS_MAX], x, y;
    if (!is_shared())
        SKIP("no shared data");
    for (unsigned i = 0; i < SHARED_TUNINGS; i++) {
        double own = 0, made = 0;
        if (!load(i))
            continue;
        struct table cells = cells_of_file(i);
        struct field lens = fit_table(&cells, LENS);
        CHECK(isp_tuning_mesh(&tuning, &info, 5000, &mesh));
        for (uint32_t k = 0; k < cells.cols * cells.rows; k++) {
            place(&cells, k, &x, &y);
            basis(x, y, terms);
            own = fmax(own, fabs(log((double)cells.values[k]) - log_gain(&lens, terms)));
        }
        for (int k = 0; k < GRID * GRID; k++) {
            x = (0.5 + k % GRID / (GRID - 1.0) * (cells.cols - 1)) / cells.cols;
            y = (0.5 + k / GRID / (GRID - 1.0) * (cells.rows - 1)) / cells.rows; /* NOLINT */
            basis(x, y, terms);
            made = fmax(
                made, fabs(log(mesh_gain(&mesh, SISP_SITE_GR, x, y)) - log_gain(&lens, terms)));
        }
        printf("%-16s luminance  table %.2f %%, mesh %.2f %% off a smooth lens\n",
            shared_tunings[i], 100 * own, 100 * made);
        CHECK(made <= own + 0.02);
    }
}

/* The middle one of three tables held out, and made from the outer two. */
TEST(a_table_held_out_is_made_from_its_neighbours)
{
    static struct sisp_lsc_mesh want, made;
    struct sisp_raw_info info = {.width = 100, .height = 100, .crop = {0, 0, 100, 100}};
    if (!is_shared())
        SKIP("no shared data");
    for (unsigned i = 0; i < SHARED_TUNINGS; i++) {
        struct sisp_tuning_shading *s = &tuning.shading;
        if (!load(i) || s->count != 3)
            continue;
        double kelvin = (double)s->tables[1].kelvin, worst = 0;
        CHECK(isp_tuning_mesh(&tuning, &info, kelvin, &want));
        s->tables[1] = s->tables[2];
        s->count = 2;
        CHECK(isp_tuning_mesh(&tuning, &info, kelvin, &made));
        for (int site = SISP_SITE_R; site <= SISP_SITE_B; site += SISP_SITE_B) {
            double mean = 0;
            for (uint32_t k = 0; k < s->cols * s->rows; k++)
                mean += log((double)made.gain[site][k] / (double)want.gain[site][k]);
            mean /= s->cols * s->rows;
            for (uint32_t k = 0; k < s->cols * s->rows; k++) {
                double off = log((double)made.gain[site][k] / (double)want.gain[site][k]) - mean;
                worst = fmax(worst, fabs(off));
            }
        }
        printf("%-16s held out   chroma %.2f %% at %g K\n", shared_tunings[i], 100 * worst, kelvin);
        /* At 5000 K its red has a shape that neither 3000 K nor 6500 K has. */
        CHECK(worst <= 0.02 || strcmp(shared_tunings[i], "vc4/ov5647") == 0);
    }
}

int main(void)
{
    RUN(a_calibrated_lens_is_flat_between_its_tables);
    RUN(the_files_tables_are_flat_against_a_smooth_field);
    RUN(meshes_are_as_flat_as_the_tables_themselves);
    RUN(a_table_held_out_is_made_from_its_neighbours);
    return test_report();
}
